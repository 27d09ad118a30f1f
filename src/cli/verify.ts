import type { Command } from 'commander';
import type { Difference, Finding, TopicVerification, Verification } from '../index.js';
import { EXIT } from './exit-codes.js';
import { addKafkaOptions, KAFKA_HELP, kafkaOptions, type KafkaFlags } from './kafka-flags.js';
import { loadProjections } from './load-projections.js';
import { print, printJson } from './print.js';
import { addProjectionsOption, type ProjectionsFlags } from './projections-option.js';
import { tellProjection } from './projections-verify.js';
import { withLedger } from './store-flags.js';
import { count, oneLine } from './text.js';

type VerifyFlags = ProjectionsFlags &
  KafkaFlags & { readonly deep?: boolean; readonly kafka?: boolean };

/** `jobledger verify`. */
export function registerVerify(program: Command): void {
  const command = program
    .command('verify')
    .description('prove that the dispatch tables and the read models equal the log');
  addKafkaOptions(addProjectionsOption(command))
    .option('--kafka', 'also compare the log with its topic, event by event')
    .addHelpText('after', KAFKA_HELP)
    .option(
      '--deep',
      'also hold every event against the rules, by code that the ledger has no part in',
    )
    .action(async (_, self: Command) => {
      const flags = self.optsWithGlobals<VerifyFlags>();
      const kafka = flags.kafka === true ? kafkaOptions(flags) : undefined;
      const projections = await loadProjections(flags.projections);
      await withLedger(flags, async (ledger) => {
        const answer = await ledger.verify({ deep: flags.deep, kafka, projections });
        if (!answer.verified) process.exitCode = EXIT.no;
        if (flags.json === true) return printJson(answer);
        for (const difference of answer.differences) await print(describe(difference));
        for (const finding of answer.findings ?? []) await print(describeFinding(finding));
        for (const one of answer.projections ?? []) await tellProjection(one);
        if (answer.kafka !== undefined) await tellTopic(answer.kafka);
        for (const note of answer.notes) await print(`note: ${oneLine(note)}`);
        return print(summary(answer));
      });
    });
}

async function tellTopic(found: TopicVerification): Promise<void> {
  for (const { partition, position, text } of found.differences)
    await print(oneLine(`topic ${found.topic}, event ${partition}/${position}: ${text}`));
  const lag = `${count(found.lagEvents, 'event')} not published yet`;
  await print(`topic ${found.topic}: ${count(found.events, 'event')} as in the ledger, ${lag}`);
}

function summary({ verified, differences, findings, kafka, events, jobs }: Verification): string {
  const seen = `${count(events, 'event')} of ${count(jobs, 'job')}`;
  if (!verified) {
    const found = findings === undefined ? '' : `, ${count(findings.length, 'finding')}`;
    const all = differences.length + (kafka?.differences.length ?? 0);
    return `differs: ${count(all, 'difference')}${found} in ${seen}`;
  }
  const deep = findings === undefined ? '' : ', every event keeps the rules';
  return `verified: ${seen}; positions are dense, the dispatch tables equal the log${deep}`;
}

function describe({ where, partition, jobId, text }: Difference): string {
  const place = partition === null ? where : `${where}, partition ${partition}`;
  return oneLine(`${place}${jobId === null ? '' : `, job ${jobId}`}: ${text}`);
}

function describeFinding({ code, partition, position, stream, text }: Finding): string {
  const at = partition === null ? '' : ` ${partition}${position === null ? '' : `/${position}`}`;
  return oneLine(`${code}${at}${stream === null ? '' : `, job ${stream}`}: ${text}`);
}
