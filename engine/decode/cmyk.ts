// CMYK → RGB, for JPEGs of four components (those in YCCK arrive here as CMYK).

/**
 * `cmyk`: pixels × 4 bytes, inverted as Adobe writes them (255 is no ink), which is what JPEGs in the
 * wild hold. Without a colour profile: R = K' − (255 − C')·K'/255, rounded, as Pillow's
 * `convert('RGB')`.
 */
export function cmykToRgb(cmyk: Uint8Array): Uint8Array {
  const rgb = new Uint8Array((cmyk.length / 4) * 3);
  for (let source = 0, target = 0; target < rgb.length; source += 4, target += 3) {
    const light = cmyk[source + 3] ?? 0;
    for (let channel = 0; channel < 3; channel += 1) {
      const absorbed = (255 - (cmyk[source + channel] ?? 0)) * light + 128;
      rgb[target + channel] = light - ((absorbed + (absorbed >> 8)) >> 8);
    }
  }
  return rgb;
}
