/** Parts of a page come when they are needed. One that does not is told of: its name changed with an upgrade, or Creel is away. */

export function whenPartIsMissing(tell: () => void): void {
  window.addEventListener('vite:preloadError', tell)
}
