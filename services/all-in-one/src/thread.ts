/** The program of a worker thread of the all-in-one: runs its share of the background work. */
import { serveBackgroundThread } from '@tantieme/service-kit/application/background-thread';
import { PUBLICATIONS } from './publications.js';
import { THREADS } from './threads.js';

serveBackgroundThread(async (thread) => {
  const share = THREADS.get(thread);
  if (share === undefined) throw new Error(`there is no thread ${thread}`);
  return { modules: await share.modules(), runsHere: (work) => share.works.test(work), publications: PUBLICATIONS };
});
