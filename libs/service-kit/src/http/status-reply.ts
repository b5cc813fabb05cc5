/** What of the framework's answer a controller sets: it keeps Fastify out of the services. */
export interface StatusReply {
  status(code: number): unknown;
}
