import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';
import type { OpenAPIObject } from '@nestjs/swagger';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';

import { Problem, PROBLEM_TYPE } from './problem.js';

/** `GET /openapi.json`, and `GET /docs` to look around in it; all of it is served from here, nothing from a network. */
export function publishApiDocuments(application: NestFastifyApplication): void {
  SwaggerModule.setup('docs', application, () => apiDocument(application), {
    jsonDocumentUrl: 'openapi.json',
    yamlDocumentUrl: 'openapi.yaml',
    customSiteTitle: 'Tantième',
  });
}

/** The OpenAPI document of all controllers, with the answer to every error as problem+json. */
export function apiDocument(application: NestFastifyApplication): OpenAPIObject {
  const options = new DocumentBuilder()
    .setTitle('Tantième')
    .setDescription(
      'What a company owes its channel partners, computed and proved. Amounts are decimal text in currency units.',
    )
    .setVersion('0.1.0')
    .addBearerAuth()
    .build();
  const document = SwaggerModule.createDocument(application, options, { extraModels: [Problem] });
  const problem = {
    description: 'A problem (RFC 9457)',
    content: { [PROBLEM_TYPE]: { schema: { $ref: '#/components/schemas/Problem' } } },
  };
  for (const path of Object.values(document.paths))
    for (const operation of [path.get, path.put, path.post, path.patch, path.delete])
      if (operation !== undefined) operation.responses = { ...operation.responses, default: problem };
  return document;
}
