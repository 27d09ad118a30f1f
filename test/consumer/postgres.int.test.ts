import { consumerScenarios } from './scenarios.js';
import { fromTables } from './scene.js';

consumerScenarios(() => fromTables);
