// Holds back all events but the last of those that were recorded before.

export class Tail<Event> {
  /** Events that are held back; undefined once events are shown as they come. */
  private held: Event[] | undefined

  /** @param last how many of the events recorded before are shown */
  constructor(
    private readonly last: number,
    private readonly show: (event: Event) => void,
  ) {
    if (last !== Infinity) this.held = []
  }

  add(event: Event): void {
    if (this.held === undefined) this.show(event)
    else {
      this.held.push(event)
      // this is done rarely, because cutting copies what is kept
      if (this.held.length > 2 * this.last + 1000) this.held = this.lastOf(this.held)
    }
  }

  /** Shows the last events, and from now on every event as it comes. */
  end(): void {
    for (const event of this.lastOf(this.held ?? [])) this.show(event)
    this.held = undefined
  }

  private lastOf(events: Event[]): Event[] {
    return this.last === 0 ? [] : events.slice(-this.last)
  }
}
