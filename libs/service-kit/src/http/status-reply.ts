/** The part of the framework's reply that controllers use, so that services need no import of Fastify. */
export interface StatusReply {
  status(code: number): unknown;
}
