// Works that stand and fall together: when one has failed those that come later do not begin. Knows nothing of what is done.

export class CommonFate {
  /** In an array, for anything can be thrown. */
  #failure: readonly [unknown] | null = null;

  /** @throws what has failed before; what `work` throws */
  async share<T>(work: () => Promise<T>): Promise<T> {
    if (this.#failure !== null) throw this.#failure[0];
    try {
      return await work();
    } catch (error) {
      this.#failure ??= [error];
      throw error;
    }
  }
}
