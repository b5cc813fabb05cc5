import { Injectable } from '@nestjs/common';

/** Passes on where the log and the stored topics end, as soon as this application has written to them. */
@Injectable()
export class LaneEnds {
  private listener: (lane: string, end: bigint) => void = () => undefined;

  listen(listener: (lane: string, end: bigint) => void): void {
    this.listener = listener;
  }

  note(lane: string, end: bigint): void {
    this.listener(lane, end);
  }
}
