import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller, Get, HttpStatus, Module, Query, Res } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { ApiOkResponse, ApiProperty } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';

import { Public } from '../access/auth.js';
import { createApplication } from '../application/application.js';
import { loadConfig } from '../runtime/config.js';
import { takeFaults, withDocumentedAnswers } from './documented-answers.fixture.js';

class Pet {
  @ApiProperty({ example: 'Rex' })
  readonly name!: string;
}

@Public()
@Controller('pets')
class PetsController {
  @Get()
  @ApiOkResponse({ type: Pet })
  find(@Query('as') as: string, @Res({ passthrough: true }) reply: FastifyReply): object {
    if (as === 'teapot') void reply.status(HttpStatus.I_AM_A_TEAPOT);
    return as === 'number' ? { name: 7 } : as === 'more' ? { name: 'Rex', age: 7 } : { name: 'Rex' };
  }
}

@Module({ controllers: [PetsController] })
class PetsModule {}

describe('an answer that does not fit the document', () => {
  const dataDirectory = mkdtempSync(join(tmpdir(), 'tantieme-kit-'));
  let application: NestFastifyApplication;
  beforeAll(async () => {
    const config = loadConfig({}, { dataDirectory, logLevel: 'silent' });
    application = await createApplication(withDocumentedAnswers(PetsModule), config);
  });
  afterAll(async () => {
    await application.close();
    rmSync(dataDirectory, { recursive: true });
  });

  it.each([
    ['number', 'GET /pets 200: /name must be string {"type":"string"}'],
    ['more', 'GET /pets 200: the body must NOT have additional properties {"additionalProperty":"age"}'],
    ['teapot', 'GET /pets 418: the status is not documented'],
  ])('is a fault: %s', async (as, fault) => {
    await application.inject(`/pets?as=${as}`);
    expect(takeFaults()).toEqual([fault]);
  });

  it('is none where it fits, and for routes that do not exist', async () => {
    await application.inject('/pets');
    await application.inject('/cats');
    expect(takeFaults()).toEqual([]);
  });
});
