import { test } from 'vitest';
import { SCENARIOS } from '../consumer/scenarios.js';
import { openScene } from '../consumer/scene.js';
import { sharedBrokers } from '../support/kafka.js';
import { fromTopic } from './from-topic.js';

for (const { title, run } of SCENARIOS)
  test(
    `from Kafka: ${title}`,
    (context) => run(() => openScene(fromTopic(sharedBrokers(context)))),
    60_000,
  );
