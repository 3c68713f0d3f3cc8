// The matrix product at the heart of every convolution: int16 × int16 → int32, modulo 2³².
//
//   a [rows][depth] i16      transformed input, a row per tile
//   b [columns][depth] i16   transformed weights, a row per output channel
//   m [rows][columns] i32    m = a · bᵀ
//
// Rows of a and b are `stride` bytes apart, those of m `mRow`: a part of the depth is a product of its own.
//
// Both operands are read along the depth, so one `dot` multiplies eight pairs and no operand needs to be
// rearranged. A register tile of 3 × 4 sums takes seven loads per 96 products; engines that check the
// bounds of every load (workerd) pay seven checks for them. All loads have offset 0 on purpose: V8
// computes the limit of such a check once, and that of every other offset anew.

/** Four vectors of partial sums → the four sums. */
@inline
export function sumLanes(a: v128, b: v128, c: v128, d: v128): v128 {
  const ab = i32x4.add(v128.shuffle<i32>(a, b, 0, 4, 1, 5), v128.shuffle<i32>(a, b, 2, 6, 3, 7));
  const cd = i32x4.add(v128.shuffle<i32>(c, d, 0, 4, 1, 5), v128.shuffle<i32>(c, d, 2, 6, 3, 7));
  return i32x4.add(v128.shuffle<i32>(ab, cd, 0, 1, 4, 5), v128.shuffle<i32>(ab, cd, 2, 3, 6, 7));
}

@inline
function multiplyAdd(sum: v128, a: v128, b: v128): v128 {
  return i32x4.add(sum, i32x4.dot_i16x8_s(a, b));
}

/** Rows 3 at a time, and the last two or four 2 at a time: any `rows` ≥ 2 is met without waste. */
export function multiply(
  a: usize, b: usize, m: usize, rows: usize, columns: usize, depth: usize, stride: usize, mRow: usize,
): void {
  const remainder = rows % 3;
  const pairs: usize = remainder == 0 ? 0 : 3 - remainder;
  const triples = rows - 2 * pairs;
  for (let column: usize = 0; column < columns; column += 4, b += 4 * stride, m += 16) {
    let row = a;
    let to = m;
    for (let done: usize = 0; done < triples; done += 3, row += 3 * stride, to += 3 * mRow) {
      rows3(row, b, to, depth, stride, mRow);
    }
    for (let done: usize = 0; done < pairs; done++, row += 2 * stride, to += 2 * mRow) {
      rows2(row, b, to, depth, stride, mRow);
    }
  }
}

@inline
function rows3(a0: usize, b0: usize, m: usize, depth: usize, stride: usize, mRow: usize): void {
  let a1 = a0 + stride;
  let a2 = a1 + stride;
  let b1 = b0 + stride;
  let b2 = b1 + stride;
  let b3 = b2 + stride;
  let m00 = i32x4.splat(0);
  let m01 = i32x4.splat(0);
  let m02 = i32x4.splat(0);
  let m03 = i32x4.splat(0);
  let m10 = i32x4.splat(0);
  let m11 = i32x4.splat(0);
  let m12 = i32x4.splat(0);
  let m13 = i32x4.splat(0);
  let m20 = i32x4.splat(0);
  let m21 = i32x4.splat(0);
  let m22 = i32x4.splat(0);
  let m23 = i32x4.splat(0);
  const end = a0 + depth * 2;
  do {
    const x0 = v128.load(a0);
    const x1 = v128.load(a1);
    const x2 = v128.load(a2);
    let w = v128.load(b0);
    m00 = multiplyAdd(m00, x0, w);
    m10 = multiplyAdd(m10, x1, w);
    m20 = multiplyAdd(m20, x2, w);
    w = v128.load(b1);
    m01 = multiplyAdd(m01, x0, w);
    m11 = multiplyAdd(m11, x1, w);
    m21 = multiplyAdd(m21, x2, w);
    w = v128.load(b2);
    m02 = multiplyAdd(m02, x0, w);
    m12 = multiplyAdd(m12, x1, w);
    m22 = multiplyAdd(m22, x2, w);
    w = v128.load(b3);
    m03 = multiplyAdd(m03, x0, w);
    m13 = multiplyAdd(m13, x1, w);
    m23 = multiplyAdd(m23, x2, w);
    a0 += 16;
    a1 += 16;
    a2 += 16;
    b0 += 16;
    b1 += 16;
    b2 += 16;
    b3 += 16;
  } while (a0 < end);
  v128.store(m, sumLanes(m00, m01, m02, m03));
  v128.store(m + mRow, sumLanes(m10, m11, m12, m13));
  v128.store(m + 2 * mRow, sumLanes(m20, m21, m22, m23));
}

@inline
function rows2(a0: usize, b0: usize, m: usize, depth: usize, stride: usize, mRow: usize): void {
  let a1 = a0 + stride;
  let b1 = b0 + stride;
  let b2 = b1 + stride;
  let b3 = b2 + stride;
  let m00 = i32x4.splat(0);
  let m01 = i32x4.splat(0);
  let m02 = i32x4.splat(0);
  let m03 = i32x4.splat(0);
  let m10 = i32x4.splat(0);
  let m11 = i32x4.splat(0);
  let m12 = i32x4.splat(0);
  let m13 = i32x4.splat(0);
  const end = a0 + depth * 2;
  do {
    const x0 = v128.load(a0);
    const x1 = v128.load(a1);
    let w = v128.load(b0);
    m00 = multiplyAdd(m00, x0, w);
    m10 = multiplyAdd(m10, x1, w);
    w = v128.load(b1);
    m01 = multiplyAdd(m01, x0, w);
    m11 = multiplyAdd(m11, x1, w);
    w = v128.load(b2);
    m02 = multiplyAdd(m02, x0, w);
    m12 = multiplyAdd(m12, x1, w);
    w = v128.load(b3);
    m03 = multiplyAdd(m03, x0, w);
    m13 = multiplyAdd(m13, x1, w);
    a0 += 16;
    a1 += 16;
    b0 += 16;
    b1 += 16;
    b2 += 16;
    b3 += 16;
  } while (a0 < end);
  v128.store(m, sumLanes(m00, m01, m02, m03));
  v128.store(m + mRow, sumLanes(m10, m11, m12, m13));
}
