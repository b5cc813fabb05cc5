import { oneOf, suggest } from '@tantieme/contracts/suggest';

import type { CellFault } from './cell.js';

/** Reads the fields of a JSON object of unknown shape, and collects what is wrong with them. */
export class ObjectReader {
  private readonly fields: ReadonlyMap<string, unknown>;

  /** @param path of the object in its document; empty for the document itself */
  constructor(
    private readonly path: string,
    value: unknown,
    readonly faults: CellFault[],
  ) {
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    if (!isObject) faults.push({ field: path === '' ? 'mapping' : path, reason: 'must be an object' });
    this.fields = new Map(isObject ? Object.entries(value) : []);
  }

  has(name: string): boolean {
    return this.fields.has(name);
  }

  get(name: string): unknown {
    return this.fields.get(name);
  }

  text(name: string): string {
    const value = this.fields.get(name);
    if (typeof value === 'string' && value !== '') return value;
    this.fault(name, value === undefined ? 'is missing' : 'must be a text that is not empty');
    return '';
  }

  optionalText(name: string): string | undefined {
    return this.fields.has(name) ? this.text(name) : undefined;
  }

  optionalOneOf<Word extends string>(name: string, words: readonly Word[]): Word | undefined {
    if (!this.fields.has(name)) return undefined;
    const value = this.fields.get(name);
    const found = words.find((word) => word === value);
    if (found === undefined) this.fault(name, `must be ${oneOf(words, value)}`);
    return found;
  }

  object(name: string): ObjectReader {
    return new ObjectReader(this.at(name), this.fields.get(name), this.faults);
  }

  /** Undefined where the field is absent. */
  optionalObject(name: string): ObjectReader | undefined {
    return this.fields.has(name) ? this.object(name) : undefined;
  }

  /** An object in a list. */
  item(name: string, index: number): ObjectReader {
    const list = this.fields.get(name);
    return new ObjectReader(`${this.at(name)}.${index}`, Array.isArray(list) ? list[index] : undefined, this.faults);
  }

  /** An object of texts. */
  optionalTexts(name: string): Readonly<Record<string, string>> | undefined {
    const object = this.optionalObject(name);
    if (object === undefined) return undefined;
    return Object.fromEntries([...object.fields.keys()].map((key) => [key, object.text(key)]));
  }

  /** Refuses other fields: a misspelt one must not vanish silently. */
  expectOnly(names: readonly string[]): void {
    for (const name of this.fields.keys()) {
      if (names.includes(name)) continue;
      const nearest = suggest(name, names);
      const hint = nearest === undefined ? `known fields are ${names.join(', ')}` : `did you mean "${nearest}"?`;
      this.fault(name, `is not a known field; ${hint}`);
    }
  }

  fault(name: string, reason: string): void {
    this.faults.push({ field: this.at(name), reason });
  }

  private at(name: string): string {
    return this.path === '' ? name : `${this.path}.${name}`;
  }
}
