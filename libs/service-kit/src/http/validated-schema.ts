/**
 * Request schemas have one source: the validation rules of their classes. What `@ApiProperty` says about a property
 * (description, example) is completed here with the limits that class-validator checks, so that the OpenAPI document
 * cannot contradict the validation.
 */
import type { Type } from '@nestjs/common';
import { ApiProperty } from '@nestjs/swagger';
import { DAY_YEARS_PATTERN } from '@tantieme/time/day';
import { getMetadataStorage } from 'class-validator';

import { describedProperty } from './described-property.js';

/** A rule of class-validator on a property, as its decorators declare it. */
type ValidationRule = ReturnType<ReturnType<typeof getMetadataStorage>['getTargetValidationMetadatas']>[number];

type Keywords = Readonly<Record<string, unknown>>;

/**
 * Unicode categories as ranges: JSON Schema recommends patterns that every language's expressions know, without `\p`.
 */
const CATEGORIES: Readonly<Record<string, string>> = {
  Cc: String.raw`\u0000-\u001f\u007f-\u009f`,
  Cs: String.raw`\ud800-\udfff`,
  Zl: String.raw`\u2028`,
  Zp: String.raw`\u2029`,
};

function portablePattern({ source }: RegExp): string {
  return source.replace(/\\p\{(\w+)\}/g, (whole, category: string) => CATEGORIES[category] ?? whole);
}

/** The JSON Schema keywords of each rule of class-validator, by the rule's name. */
const KEYWORDS: Readonly<Record<string, (...constraints: readonly unknown[]) => Keywords>> = {
  isDefined: () => ({}),
  isNotEmpty: () => ({ minLength: 1 }),
  isString: () => ({}),
  isBoolean: () => ({}),
  isInt: () => ({ type: 'integer' }),
  isArray: () => ({}),
  isObject: () => ({}),
  isIn: (values) => ({ enum: values }),
  matches: (pattern) => (pattern instanceof RegExp ? { pattern: portablePattern(pattern) } : {}),
  isLength: (minLength, maxLength) => ({ minLength, maxLength }),
  minLength: (minLength) => ({ minLength }),
  maxLength: (maxLength) => ({ maxLength }),
  min: (minimum) => ({ minimum }),
  max: (maximum) => ({ maximum }),
  arrayMinSize: (minItems) => ({ minItems }),
  arrayMaxSize: (maxItems) => ({ maxItems }),
  arrayUnique: () => ({ uniqueItems: true }),
  isIso8601: () => ({}),
  isDay: () => ({ type: 'string', format: 'date', pattern: DAY_YEARS_PATTERN }),
  messageField: (schema) => withoutDescription(schema),
};

/** The description of the property itself is for the reader of the API. */
function withoutDescription(schema: unknown): Keywords {
  const { description: _, ...keywords } = schema as Keywords;
  return keywords;
}

/** Rules that say when a property is checked, or check nested objects: they have no keyword. */
const WITHOUT_KEYWORD: readonly string[] = ['conditionalValidation', 'nestedValidation', 'whitelistValidation'];

export function validationRulesOf(type: Type): readonly ValidationRule[] {
  return getMetadataStorage().getTargetValidationMetadatas(type, '', false, false);
}

/** Completes what `@ApiProperty` says about the properties of a request class, and of those nested in it. */
export function describeValidation(type: Type, done = new Set<Type>()): void {
  if (done.has(type)) return;
  done.add(type);
  const prototype = type.prototype as object;
  const rules = Object.groupBy(validationRulesOf(type), ({ propertyName }) => propertyName);
  for (const [property, ofProperty = []] of Object.entries(rules)) {
    const nested = nestedClass(prototype, property);
    if (nested !== undefined) describeValidation(nested, done);
    // What is optional is a rule too, and must not be contradicted.
    const isOptional = ofProperty.some(({ name }) => name === 'isOptional');
    ApiProperty({ required: !isOptional, ...typeOf(prototype, property, ofProperty), ...keywordsOfAll(ofProperty) })(
      prototype,
      property,
    );
  }
}

/** Rules of a request class that the document cannot express: the specs expect none. */
export function unknownRules(type: Type): readonly string[] {
  return validationRulesOf(type)
    .filter((rule) => !(nameOf(rule) in KEYWORDS) && !isWithoutKeyword(rule))
    .map((rule) => `${type.name}.${rule.propertyName}: ${nameOf(rule)}`);
}

/** The compiler emits `Object` as the type of `x?: string | undefined`: the rules know better. */
function typeOf(prototype: object, property: string, rules: readonly ValidationRule[]): Keywords {
  const type = describedProperty(prototype, property)?.type;
  // The names are what was set here already, for a class that this one extends.
  if (type !== Object && !['string', 'boolean', 'integer'].includes(String(type))) return {};
  const names = rules.map(nameOf);
  if (names.includes('isBoolean')) return { type: 'boolean' };
  if (names.includes('isInt')) return { type: 'integer' };
  return names.some((name) => TEXT_RULES.includes(name)) ? { type: 'string' } : {};
}

/** Rules that only texts pass. */
const TEXT_RULES: readonly string[] = [
  'isString',
  'isIn',
  'matches',
  'isLength',
  'minLength',
  'maxLength',
  'isIso8601',
];

/** Rules with `each` are about the items of a list. */
function keywordsOfAll(rules: readonly ValidationRule[]): Keywords {
  const keywords = Object.assign({}, ...rules.filter(({ each }) => !each).map(keywordsOf)) as Keywords;
  const ofItems = rules
    .filter(({ each }) => each)
    .flatMap((rule) => (isWithoutKeyword(rule) ? [] : [keywordsOf(rule)]));
  return ofItems.length === 0
    ? keywords
    : { ...keywords, items: Object.assign({ type: 'string' }, ...ofItems) as Keywords };
}

function keywordsOf(rule: ValidationRule): Keywords {
  const constraints: readonly unknown[] = rule.constraints ?? [];
  return isWithoutKeyword(rule) ? {} : (KEYWORDS[nameOf(rule)]?.(...constraints) ?? {});
}

function isWithoutKeyword(rule: ValidationRule): boolean {
  return rule.name === 'isOptional' || WITHOUT_KEYWORD.includes(rule.type);
}

function nameOf({ name, type }: ValidationRule): string {
  return name ?? type;
}

/** The validated class of a property's value, or of its items; undefined for other properties. */
export function nestedClass(prototype: object, property: string): Type | undefined {
  const described = describedProperty(prototype, property)?.type;
  if (typeof described !== 'function') return undefined;
  const type: unknown = isLazy(described) ? described() : described;
  const item: unknown = Array.isArray(type) ? type[0] : type;
  return isClass(item) && validationRulesOf(item).length > 0 ? item : undefined;
}

/** `() => LineBody` instead of `LineBody`: arrow functions have no prototype. */
function isLazy(type: object): type is () => unknown {
  return !('prototype' in type);
}

function isClass(value: unknown): value is Type {
  return typeof value === 'function' && 'prototype' in value;
}
