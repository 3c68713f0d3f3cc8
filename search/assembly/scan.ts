// AssemblyScript, compiled to search/scan.wasm by `npm run build:scan`: cosines of one query with a block of
// 8-bit vectors. search/scan-matrix.ts lays out the memory and calls this.

/**
 * scores[r] = factors[r] × queryFactor × Σ rows[r][i] × query[i], for `count` rows.
 *
 * rows: int8 [count, stride]; query: int16 [stride]; factors, scores: float32 [count]; all 16-byte aligned.
 * `stride` is a multiple of 16 (padded with zeros), `count` a multiple of 4. The sums are exact as long as
 * they fit 31 bits, which the caller sees to by the scale of the query.
 */
export function scan(
  rows: usize,
  factors: usize,
  count: i32,
  stride: i32,
  query: usize,
  queryFactor: f32,
  scores: usize,
): void {
  const bytes = <usize>stride;
  for (let row = 0; row < count; row += 4) {
    // Four rows share the loads of the query.
    let row0 = rows + <usize>row * bytes;
    let row1 = row0 + bytes;
    let row2 = row1 + bytes;
    let row3 = row2 + bytes;
    const end = row1;
    let at = query;
    let sum0 = i32x4.splat(0);
    let sum1 = i32x4.splat(0);
    let sum2 = i32x4.splat(0);
    let sum3 = i32x4.splat(0);
    while (row0 < end) {
      const low = v128.load(at);
      const high = v128.load(at, 16);
      let values = v128.load(row0);
      sum0 = i32x4.add(sum0, i32x4.dot_i16x8_s(i16x8.extend_low_i8x16_s(values), low));
      sum0 = i32x4.add(sum0, i32x4.dot_i16x8_s(i16x8.extend_high_i8x16_s(values), high));
      values = v128.load(row1);
      sum1 = i32x4.add(sum1, i32x4.dot_i16x8_s(i16x8.extend_low_i8x16_s(values), low));
      sum1 = i32x4.add(sum1, i32x4.dot_i16x8_s(i16x8.extend_high_i8x16_s(values), high));
      values = v128.load(row2);
      sum2 = i32x4.add(sum2, i32x4.dot_i16x8_s(i16x8.extend_low_i8x16_s(values), low));
      sum2 = i32x4.add(sum2, i32x4.dot_i16x8_s(i16x8.extend_high_i8x16_s(values), high));
      values = v128.load(row3);
      sum3 = i32x4.add(sum3, i32x4.dot_i16x8_s(i16x8.extend_low_i8x16_s(values), low));
      sum3 = i32x4.add(sum3, i32x4.dot_i16x8_s(i16x8.extend_high_i8x16_s(values), high));
      row0 += 16;
      row1 += 16;
      row2 += 16;
      row3 += 16;
      at += 32;
    }
    let sums = i32x4.splat(total(sum0));
    sums = i32x4.replace_lane(sums, 1, total(sum1));
    sums = i32x4.replace_lane(sums, 2, total(sum2));
    sums = i32x4.replace_lane(sums, 3, total(sum3));
    const offset = (<usize>row) << 2;
    const scaled = f32x4.mul(f32x4.convert_i32x4_s(sums), v128.load(factors + offset));
    v128.store(scores + offset, f32x4.mul(scaled, f32x4.splat(queryFactor)));
  }
}

function total(sums: v128): i32 {
  return (
    i32x4.extract_lane(sums, 0) +
    i32x4.extract_lane(sums, 1) +
    i32x4.extract_lane(sums, 2) +
    i32x4.extract_lane(sums, 3)
  );
}
