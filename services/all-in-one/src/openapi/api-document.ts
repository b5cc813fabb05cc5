/** The OpenAPI document of all services. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createApplication } from '@tantieme/service-kit/application/application';
import { apiDocument } from '@tantieme/service-kit/http/openapi';
import { loadConfig } from '@tantieme/service-kit/runtime/config';
import { AllInOneModule } from '../all-in-one.module.js';

/** `docs/openapi.json`: part of the repository, and the source of `@tantieme/api-client`. */
export const DOCUMENT_FILE = new URL('../../../../docs/openapi.json', import.meta.url);

/** The document as text, made from the controllers. */
export async function apiDocumentText(): Promise<string> {
  const dataDirectory = mkdtempSync(join(tmpdir(), 'tantieme-openapi-'));
  const config = loadConfig({}, { dataDirectory, port: 0, logLevel: 'error' });
  const application = await createApplication(AllInOneModule, config, () => false);
  try {
    return `${JSON.stringify(apiDocument(application), null, 2)}\n`;
  } finally {
    await application.close();
    rmSync(dataDirectory, { recursive: true });
  }
}
