// Addresses of a pubsub, and of what it has.

/** The address that somebody means who leaves out `http://`. */
export function complete(address: string): string {
  const trimmed = address.trim();
  return trimmed.includes("://") ? trimmed : `http://${trimmed}`;
}

/** An address of the pubsub at `address`. */
export function endpoint(address: string, path: string, parameters: Record<string, string> = {}): string {
  const query = new URLSearchParams(parameters).toString();
  return address.replace(/\/?$/, "/") + path + (query && `?${query}`);
}
