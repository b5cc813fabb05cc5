/**
 * The parser loads packages that are only CommonJS under their condition `require`.
 * @jest-environment-options {"customExportConditions": ["source", "node", "require", "default"]}
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { DiagnosticSeverity, Parser } from '@asyncapi/parser';
import { parse } from 'yaml';
import { asyncApi } from './asyncapi.js';
import { CHANNELS } from './channels.js';
import { MESSAGE_TYPES } from './schemas.js';
import { TOPICS } from './topics.js';

const file = new URL('../../../docs/asyncapi.yaml', import.meta.url);

describe('the AsyncAPI document', () => {
  it('is the same in docs/asyncapi.yaml as in the code (regenerate: npm run asyncapi -w @tantieme/contracts)', () => {
    expect(parse(readFileSync(file, 'utf8'))).toEqual(asyncApi());
  });

  it('is valid for the official parser, with a channel for each topic and a message for each type', async () => {
    const { document, diagnostics } = await new Parser().parse(readFileSync(file, 'utf8'));
    const severe = [DiagnosticSeverity.Error, DiagnosticSeverity.Warning];
    expect(diagnostics.filter(({ severity }) => severe.includes(severity))).toEqual([]);
    const addresses =
      document
        ?.channels()
        .all()
        .map((channel) => channel.address()) ?? [];
    expect(addresses).toEqual(expect.arrayContaining(Object.values(TOPICS)));
    const names =
      document
        ?.messages()
        .all()
        .map((message) => message.id()) ?? [];
    expect(names).toEqual(expect.arrayContaining([...MESSAGE_TYPES]));
  }, 60_000);

  it('is refused by the parser when it is wrong', async () => {
    const wrong = { ...asyncApi(), operations: { wrong: { action: 'shout', channel: { $ref: '#/channels/none' } } } };
    const { diagnostics } = await new Parser().parse(JSON.stringify(wrong));
    expect(diagnostics.some(({ severity }) => Number(severity) === Number(DiagnosticSeverity.Error))).toBe(true);
  }, 60_000);
});

describe('the channels', () => {
  it('are the topics, each once', () => {
    expect(CHANNELS.map(({ topic }) => topic).sort()).toEqual(Object.values(TOPICS).sort());
  });

  it('carry every message type', () => {
    const types = new Set(CHANNELS.flatMap(({ messages }) => Object.keys(messages)));
    expect([...types].sort()).toEqual([...MESSAGE_TYPES].sort());
  });
});
