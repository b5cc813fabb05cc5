import type { AnyDatabase } from '@tantieme/event-sourcing/read-model/migrations';

/** Stored answers of requests with an idempotency key. */
export async function up(db: AnyDatabase): Promise<void> {
  await db.schema
    .createTable('service_kit_idempotency')
    .ifNotExists()
    .addColumn('subject', 'text', (column) => column.notNull())
    .addColumn('key', 'text', (column) => column.notNull())
    .addColumn('route', 'text', (column) => column.notNull())
    .addColumn('fingerprint', 'text', (column) => column.notNull())
    .addColumn('owner', 'text', (column) => column.notNull())
    .addColumn('started_at', 'bigint', (column) => column.notNull())
    .addColumn('status', 'integer')
    .addColumn('headers', 'text')
    .addColumn('body', 'text')
    .addPrimaryKeyConstraint('service_kit_idempotency_key', ['subject', 'key', 'route'])
    .execute();
}
