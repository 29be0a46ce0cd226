// The forge's clock: real time plus an offset that a test moves, or stands still. Expiry, rate
// limits, soak times and the dates of commits all read it.

export class Clock {
  #offset = 0;
  #frozen = null;

  now() {
    return this.#frozen ?? Date.now() + this.#offset;
  }

  seconds() {
    return Math.floor(this.now() / 1000);
  }

  /** As both forges write times: whole seconds, UTC. */
  iso(at = this.now()) {
    return new Date(at).toISOString().replace(/\.\d+Z$/, 'Z');
  }

  set({ offset, advance, freeze, at }) {
    if (offset !== undefined) this.#offset = offset * 1000;
    if (at !== undefined) this.#offset = Date.parse(at) - Date.now();
    if (freeze !== undefined) this.#frozen = freeze ? this.now() : null;
    if (at !== undefined && this.#frozen !== null) this.#frozen = Date.parse(at);
    if (advance !== undefined) {
      if (this.#frozen === null) this.#offset += advance * 1000;
      else this.#frozen += advance * 1000;
    }
    return { now: this.iso() };
  }
}
