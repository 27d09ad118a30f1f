import { beforeEach } from 'vitest';
import { consumerScenarios } from '../consumer/scenarios.js';
import { sharedBrokers } from '../support/kafka.js';
import { fromTopic } from './from-topic.js';

let brokers: string[] = [];
beforeEach((context) => {
  brokers = sharedBrokers(context);
});

consumerScenarios(() => fromTopic(brokers));
