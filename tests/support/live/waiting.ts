// Waiting for conditions, never for luck.

const POLL_MS = 5;

/** Polls `condition` until it holds; throws when it does not within `limitMs`. */
export async function waitUntil(
  what: string,
  condition: () => boolean | Promise<boolean>,
  limitMs: number,
): Promise<void> {
  const end = performance.now() + limitMs;
  while (!await condition()) {
    if (performance.now() > end) throw new Error(`Waited ${limitMs} ms in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/** `promise`, unless it takes longer than `limitMs`; then `late` is called and an error thrown. */
export async function within<Result>(
  what: string,
  promise: Promise<Result>,
  limitMs: number,
  late: () => void = () => {},
): Promise<Result> {
  const timer: { id: ReturnType<typeof setTimeout> | null } = { id: null };
  const timeout = new Promise<never>((_resolve, reject) => {
    timer.id = setTimeout(() => {
      late();
      reject(new Error(`${what} took longer than ${limitMs} ms`));
    }, limitMs);
  });
  try {
    return await Promise.race([promise, timeout]);
  } finally {
    if (timer.id !== null) clearTimeout(timer.id);
  }
}
