/** Random cases are the same in every run, so that what fails once fails again; `FC_SEED` names another seed to hunt with. */
import fc from 'fast-check';

fc.configureGlobal({ seed: Number(process.env.FC_SEED ?? 20_261_124) });
