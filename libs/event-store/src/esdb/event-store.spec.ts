import { afterAll } from '@jest/globals';
import { eventStoreContract } from '../contract-suite.js';
import { openEsdbEventStore } from './event-store.js';
import { freshNamespace, startEsdbTarget } from './target.fixture.js';

const target = await startEsdbTarget();
afterAll(() => target.stop());

eventStoreContract(`EventStoreDB (${target.kind})`, async () => {
  const namespace = freshNamespace();
  const open = () => openEsdbEventStore(target.url, { namespace });
  const store = open();
  return { store, reopen: async () => open(), dispose: () => store.close() };
});
