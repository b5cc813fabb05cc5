import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { Sample } from '../testing/sample.fixture.js';

describe('the reasons of an invalid request', () => {
  let sample: Sample;
  beforeAll(async () => {
    sample = await Sample.start();
  });
  afterAll(() => sample.stop());

  const reasonsOf = async (payload: object): Promise<Record<string, string>> => {
    const headers = await sample.authorization('crm', ['source']);
    const { status, body } = await sample.request({ method: 'POST', url: '/orders', headers, payload });
    expect(status).toBe(422);
    const errors = body['errors'] as readonly { readonly field: string; readonly reason: string }[];
    return Object.fromEntries(errors.map(({ field, reason }) => [field, reason]));
  };

  it('name all faults at once', async () => {
    expect(Object.keys(await reasonsOf({ id: 7, lines: [{}], shipping: 'x' })).sort()).toEqual([
      'id',
      'lines.0.net',
      'shipping',
    ]);
  });

  it('suggest the known field that an unknown one was meant to be', async () => {
    expect(await reasonsOf({ id: 'a', lines: [], shiping: 'parcel' })).toEqual({
      shiping: 'is not a known field; use one of id, currency, shipping, payment, lines; did you mean "shipping"?',
    });
  });

  it('suggest the known value that an unknown one was meant to be', async () => {
    expect(await reasonsOf({ id: 'a', lines: [], shipping: 'parcle' })).toEqual({
      shipping: 'must be one of parcel, pallet; did you mean "parcel"?',
    });
  });

  it('suggest the known value for an item of a list', async () => {
    expect(await reasonsOf({ id: 'a', lines: [], payment: ['card', 'invoce'] })).toEqual({
      payment: 'must be one of card, invoice; did you mean "invoice"?',
    });
  });

  it('describe a form by its example, never by a regular expression', async () => {
    expect(await reasonsOf({ id: 'a', lines: [], currency: 'euro' })).toEqual({
      currency: 'is not in the expected form; a valid example: "EUR" (Currency of the order)',
    });
  });

  it('refuse null for an optional field', async () => {
    expect(await reasonsOf({ id: 7, lines: [], currency: null })).toEqual({
      id: 'must be a string',
      currency: 'must not be null: leave the field out',
    });
  });

  it('keep the words of a rule that has its own', async () => {
    expect(await reasonsOf({ id: 'a', lines: [{ net: '1' }] })).toEqual({ 'lines.0.net': 'must have two decimals' });
  });
});
