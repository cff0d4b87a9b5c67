/**
 * Requests that are under way at once: as many as the line carries.
 */

/** With fewer at once, a line whose answers take 100 ms stands idle. */
const mostAtOnce = 16;

/** Answers that come sooner allow one more, and those that come later half as many. */
const [soonMs, lateMs] = [500, 2000];

/** Lets more requests be under way while answers come soon, and fewer where they come late. */
export class Flow {
  #most = 4;
  #underWay = 0;
  readonly #waiting: (() => void)[] = [];

  async run<T>(request: () => Promise<T>): Promise<T> {
    while (this.#underWay >= this.#most) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    this.#underWay++;
    const since = performance.now();
    try {
      return await request();
    } finally {
      const ms = performance.now() - since;
      if (ms < soonMs) this.#most = Math.min(mostAtOnce, this.#most + 1);
      if (ms > lateMs) this.#most = Math.max(1, this.#most >> 1);
      this.#underWay--;
      for (let free = this.#most - this.#underWay; free > 0; free--) this.#waiting.shift()?.();
    }
  }
}
