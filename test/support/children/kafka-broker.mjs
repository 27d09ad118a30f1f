import { startBroker } from '../../../dist/kafka-broker/start-broker.js';

const broker = await startBroker({ folder: process.argv[2] });
console.log(`serving ${broker.port}`);
