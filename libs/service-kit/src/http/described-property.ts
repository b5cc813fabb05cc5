import 'reflect-metadata';

/** What `@ApiProperty` holds about a property. */
export interface DescribedProperty {
  readonly description?: string | undefined;
  readonly example?: unknown;
  /** The class of a nested object; a function without a prototype of its own gives it. */
  readonly type?: unknown;
}

/** `@nestjs/swagger` stores the options of `@ApiProperty` under this key; it does not export the name. */
const API_PROPERTY_METADATA = 'swagger/apiModelProperties';

/** The options of `@ApiProperty` on a property of a class; undefined where it has none. */
export function describedProperty(prototype: object, property: string): DescribedProperty | undefined {
  const options: unknown = Reflect.getMetadata(API_PROPERTY_METADATA, prototype, property);
  return typeof options === 'object' && options !== null ? options : undefined;
}
