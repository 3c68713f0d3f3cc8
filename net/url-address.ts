// Which addresses a resolved name may have: only those of the public internet. Used where the runtime
// lets us see the address (Node); Cloudflare's network refuses private ones by itself.

import ipaddr from 'ipaddr.js';

/**
 * Whether the address belongs to the public internet. IPv4 inside IPv6 in any form (mapped, NAT64, 6to4,
 * Teredo, …) is refused as a whole: no public image host is reached that way by a resolver.
 */
export function isPublicAddress(address: string): boolean {
  if (!ipaddr.isValid(address) || address.includes('%')) return false;
  const parsed = ipaddr.parse(address);
  if (parsed.range() !== 'unicast') return false;
  return parsed.kind() === 'ipv4' || isGlobalUnicast(parsed.toByteArray());
}

/** IANA has given out addresses only below 2000::/3; everything else is reserved. */
function isGlobalUnicast([first = 0]: readonly number[]): boolean {
  return first >> 5 === 0b001;
}
