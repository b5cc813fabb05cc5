/** Writes `docs/openapi.json`: `npm run openapi`. */
import { writeFileSync } from 'node:fs';
import { apiDocumentText, DOCUMENT_FILE } from './api-document.js';

writeFileSync(DOCUMENT_FILE, await apiDocumentText());
