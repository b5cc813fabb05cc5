/**
 * Bugs that the simulation has to find: each is a small change of the real code, as somebody could make it by mistake.
 * `npm run simulate:planted` tries each at its recorded seed.
 */

export interface PlantedBug {
  readonly name: string;
  /** From the root of the repository. */
  readonly file: string;
  /** Occurs exactly once in the file. */
  readonly text: string;
  readonly replacement: string;
}

const CLOSING = 'services/commission-calculation/src/period/closing.process.ts';
const REWARDS_CLOSING = 'services/rewards/src/closing/closing.process.ts';
const CREDIT = 'services/commission-calculation/src/credit/credit.ts';
const EARNING = 'services/commission-calculation/src/earning/earning.ts';
const CONCLUSIONS = 'services/commission-calculation/src/earning/conclusions.ts';
const BUDGET = 'services/commission-calculation/src/budget/budget.ts';
const DEPENDENCIES = 'services/commission-calculation/src/credit/deal-dependencies.service.ts';
const ACCOUNT = 'services/payouts/src/account/account.ts';
const STATEMENT_RUN = 'services/payouts/src/statement-run/statement-run.ts';
const RUNNER = 'libs/event-sourcing/src/process/runner.ts';
const RUNTIME = 'libs/event-sourcing/src/decide/runtime.ts';
const PROPOSALS = 'libs/service-kit/src/two-people/proposals.ts';

export const PLANTED_BUGS: readonly PlantedBug[] = [
  {
    name: 'closing does not wait after the seal',
    file: CLOSING,
    text: "if (!(await reached('seal', EARNED_BY))) return false;",
    replacement: '',
  },
  {
    name: 'closing waits no extra rounds for budgets and overrides',
    file: CLOSING,
    text: 'let rounds = await this.internalRounds(calendar); rounds >= 0; rounds--',
    replacement: 'let rounds = 0; rounds >= 0; rounds--',
  },
  {
    name: 'closing of rewards does not wait after it has begun',
    file: REWARDS_CLOSING,
    text: "if (!(await received('begun'))) return false;",
    replacement: '',
  },
  {
    name: 'stream posts into a period that it has closed',
    file: CONCLUSIONS,
    text: 'return calendarOpenFrom === null || own > calendarOpenFrom ? own : calendarOpenFrom;',
    replacement: 'return own === "" ? own : calendarOpenFrom;',
  },
  {
    name: 'closing takes minimum and guarantee of the newest plan version',
    file: CLOSING,
    text: 'if (version.effectiveFrom <= day && version.effectiveFrom >= inForce.effectiveFrom) inForce = version;',
    replacement: 'if (day !== "" && version.effectiveFrom >= inForce.effectiveFrom) inForce = version;',
  },
  {
    name: 'closing does not wait for facts to be credited',
    file: CLOSING,
    text: "if (!(await reached('facts', [REFERENCE_CONSUMER, CREDIT_CONSUMER]))) return false;",
    replacement: '',
  },
  {
    name: 'closing lists the streams before the read model has them',
    file: CLOSING,
    text: "if (!(await reached('streams', [READ_MODEL]))) return false;",
    replacement: '',
  },
  {
    name: 'closing writes the manifest before the read model has the entries',
    file: CLOSING,
    text: "if (!(await reached('manifest', [READ_MODEL]))) return false;",
    replacement: '',
  },
  {
    name: 'closing is forgotten by a restart',
    file: CLOSING,
    text: "return this.open.size > 0 ? 'open' : undefined;",
    replacement: 'return undefined;',
  },
  {
    name: 'closing of rewards does not wait for what was published before',
    file: REWARDS_CLOSING,
    text: "if (!(await received('before'))) return false;",
    replacement: '',
  },
  {
    name: 'closing of rewards lists the bonuses before the read model has them',
    file: REWARDS_CLOSING,
    text: "if (!(await this.waits.reached(`${stream} ${closing} bonuses`, ['rewards-read-model'], step))) return false;",
    replacement: '',
  },
  {
    name: 'period is reopened before its statements are withdrawn',
    file: CLOSING,
    text: "if (!steps.has('statements-withdrawn')) {",
    replacement: "if (!steps.has('sealed')) {",
  },
  {
    name: 'reopening does not wait after it has begun',
    file: CLOSING,
    text: "if (!(await reached('unseal', [...EARNED_BY, READ_MODEL]))) return false;",
    replacement: '',
  },
  {
    name: 'second closing issues the ids of the first',
    file: 'services/payouts/src/account/statement.ts',
    text: "${closing === 1 ? '' : `~${closing}`}",
    replacement: "${closing > 0 ? '' : `~${closing}`}",
  },
  {
    name: 'deal is credited again by an old message',
    file: CREDIT,
    text: "if (command.type === 'credit' && command.origin.revision <= state.originRevision) return [];",
    replacement: '',
  },
  {
    name: 'credit is earned again',
    file: EARNING,
    text: 'if (number <= (state.creditNumbers.get(deal) ?? 0)) return [];',
    replacement: '',
  },
  {
    name: 'override takes an old earning of the payee below',
    file: EARNING,
    text: 'if (input.revision <= (state.childRevisions.get(input.deal)?.get(input.child) ?? -1)) return [];',
    replacement: '',
  },
  {
    name: 'old grant of a budget counts again',
    file: EARNING,
    text: 'if (input.revision <= (state.grantRevisions.get(input.deal)?.get(input.component) ?? -1)) return [];',
    replacement: '',
  },
  {
    name: 'override is refused where the plan was a draft when it was read',
    file: 'services/commission-calculation/src/earning/earning.service.ts',
    text: 'return this.plans.find(message.plan) !== undefined;',
    replacement: 'return true;',
  },
  {
    name: 'old claim on a budget counts again',
    file: BUDGET,
    text: 'if (input.revision <= (state.deals.get(nameOf(input))?.revision ?? -1)) return [];',
    replacement: '',
  },
  {
    name: 'deal is not credited again after new facts about a partner',
    file: DEPENDENCIES,
    text: "for (const [key, event] of facts) await this.recreditWhere((where) => where('key', '=', key), event);",
    replacement: '',
  },
  {
    name: 'deal that was credited before the fact about its partner stays so',
    file: DEPENDENCIES,
    text: 'if (newest > revision) isStale = true;',
    replacement: '',
  },
  {
    name: 'same fact again is a conflict',
    file: 'services/deal-ingestion/src/deal/deal.ts',
    text: 'if (recorded.hash === hash || isWithdrawal(fact)) return [];',
    replacement: 'if (isWithdrawal(fact)) return [];',
  },
  {
    name: 'account receives lines again',
    file: ACCOUNT,
    text: 'if (!isNew) return [];',
    replacement: '',
  },
  {
    name: 'statement is approved twice',
    file: ACCOUNT,
    text: 'if (statement.approvedBy !== undefined) return [];',
    replacement: '',
  },
  {
    name: 'payment is recorded twice',
    file: ACCOUNT,
    text: 'if (!checked.isNew) return [];',
    replacement: '',
  },
  {
    name: 'payout is due before the statement is approved',
    file: ACCOUNT,
    text: 'if (statement?.approvedBy === undefined || isZero(statement.payable)) throw payoutUnknown(payment.payout);',
    replacement: 'if (statement === undefined || isZero(statement.payable)) throw payoutUnknown(payment.payout);',
  },
  {
    name: 'statements do not wait for the manifest of rewards',
    file: STATEMENT_RUN,
    text: "export const MANIFEST_AUTHORS = ['commissions', 'rewards'] as const;",
    replacement: "export const MANIFEST_AUTHORS = ['commissions'] as const;",
  },
  {
    name: 'payments are not published',
    file: 'services/payouts/src/account/account.events-out.ts',
    text: "  'PaymentRecorded',\n",
    replacement: '',
  },
  {
    name: 'checkpoint before the effect',
    file: RUNNER,
    text: 'const beganMs = host.timers.nowMs();',
    replacement: 'const beganMs = host.timers.nowMs(); await source.commit(batch, false);',
  },
  {
    name: 'batch that failed is taken as done',
    file: RUNNER,
    text: 'source.release(batch);',
    replacement: 'await source.commit(batch, false);',
  },
  {
    name: 'what a process refuses is lost',
    file: RUNNER,
    text: "await host.parking.park(process.name, refused[0]?.message.topic ?? '', refused.map(parkedMessageOf));",
    replacement: 'refused.map(parkedMessageOf);',
  },
  {
    name: 'open step is never called again',
    file: RUNNER,
    text: 'this.again = { afterMs: nowMs + pauseMs, byMs: nowMs + Math.max(OPEN_PAUSE_MS, pauseMs) };',
    replacement: 'this.again = undefined;',
  },
  {
    name: 'read model is filled outside the transaction of its checkpoint',
    file: 'libs/event-sourcing/src/process/projection.ts',
    text: 'await apply(trx, events);',
    replacement: 'await apply(trx, events.slice(1));',
  },
  {
    name: 'two readers move one checkpoint',
    file: 'libs/event-sourcing/src/read-model/checkpoints.ts',
    text: 'if (numAffectedRows !== 1n) throw new CheckpointMoved(name, from);',
    replacement: '',
  },
  {
    name: 'reader of a view skips a message',
    file: 'libs/event-sourcing/src/process/publication.ts',
    text: 'return position === 0n ? 0n : (position + 1n) << NUMBER_BITS;',
    replacement: 'return position === 0n ? 0n : (position + 2n) << NUMBER_BITS;',
  },
  {
    name: 'message counts as reached before it was handled',
    file: 'libs/event-sourcing/src/process/topic-source.ts',
    text: 'batches.set(received, batch);',
    replacement: 'batches.set(received, batch); listener.reached(received.lane, received.position);',
  },
  {
    name: 'conflicting writer keeps its old state',
    file: RUNTIME,
    text: 'call.checkedOut.delete(group.stream);\n      group.conflicts += 1;',
    replacement: 'group.conflicts += 1; group.done = Number.POSITIVE_INFINITY;',
  },
  {
    name: 'decision without events trusts an old state',
    file: RUNTIME,
    text: 'const old = drafts.filter((draft) => !draft.entry.isCurrent);',
    replacement: 'const old = drafts.filter((draft) => !draft.entry.isCurrent && draft.group.conflicts > 0);',
  },
  {
    name: 'crash after a confirmation forgets the action',
    file: PROPOSALS,
    text: 'if (newest?.number === number) await this.carryOut(stored.stream, metadataOf(stored).correlationId);',
    replacement: '',
  },
  {
    name: 'author in capital letters is a second person',
    file: 'libs/service-kit/src/two-people/proposal.ts',
    text: 'if (isSamePerson(proposal.proposedBy, by))',
    replacement: 'if (proposal.proposedBy === by)',
  },
];
