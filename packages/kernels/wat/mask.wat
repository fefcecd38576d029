;; Dropout masks: the loop of `plainMaskValues` on four words, eight values at a time. Values begin at byte 2048 (see
;; vector-module.ts).
(module
  (memory (export "memory") 3)
  (func (export "run")
    (param $end i32) ;; bytes to write, more than 0
    (param $first i32) ;; first counter: index of the word, plus the key's low half
    (param $high i32) ;; the key's high half
    (param $threshold i32) ;; draws below it are dropped
    (param $kept i32) ;; bits of the float that stands for a kept value
    (local $at i32)
    (local $counters v128) (local $kept4 v128) (local $threshold8 v128) (local $high4 v128)
    (local $x v128) (local $multiplier1 v128) (local $multiplier2 v128) (local $four v128)
    (local.set $kept4 (i32x4.splat (local.get $kept)))
    (local.set $threshold8 (i16x8.splat (local.get $threshold)))
    (local.set $high4 (i32x4.splat (local.get $high)))
    (local.set $multiplier1 (i32x4.splat (i32.const 0x21f0aaad)))
    (local.set $four (i32x4.splat (i32.const 4)))
    (local.set $multiplier2 (i32x4.splat (i32.const 0x735a2d97)))
    (local.set $counters (i32x4.add (i32x4.splat (local.get $first)) (v128.const i32x4 0 1 2 3)))
    (loop $next
      ;; Four words: `mix` of bits.ts, the key's high half, and `mix` again, written out because a call costs a fifth.
      (local.set $x (v128.xor (local.get $counters) (i32x4.shr_u (local.get $counters) (i32.const 16))))
      (local.set $x (i32x4.mul (local.get $x) (local.get $multiplier1)))
      (local.set $x (v128.xor (local.get $x) (i32x4.shr_u (local.get $x) (i32.const 15))))
      (local.set $x (i32x4.mul (local.get $x) (local.get $multiplier2)))
      (local.set $x (v128.xor (local.get $x) (i32x4.shr_u (local.get $x) (i32.const 15))))
      (local.set $x (v128.xor (local.get $x) (local.get $high4)))
      (local.set $x (v128.xor (local.get $x) (i32x4.shr_u (local.get $x) (i32.const 16))))
      (local.set $x (i32x4.mul (local.get $x) (local.get $multiplier1)))
      (local.set $x (v128.xor (local.get $x) (i32x4.shr_u (local.get $x) (i32.const 15))))
      (local.set $x (i32x4.mul (local.get $x) (local.get $multiplier2)))
      (local.set $x (v128.xor (local.get $x) (i32x4.shr_u (local.get $x) (i32.const 15))))
      ;; In place of their eight halves, all ones where a value is kept.
      (local.set $x (i16x8.ge_u (local.get $x) (local.get $threshold8)))
      (v128.store offset=2048 (local.get $at)
        (v128.and (i32x4.extend_low_i16x8_s (local.get $x)) (local.get $kept4)))
      (v128.store offset=2064 (local.get $at)
        (v128.and (i32x4.extend_high_i16x8_s (local.get $x)) (local.get $kept4)))
      (local.set $counters (i32x4.add (local.get $counters) (local.get $four)))
      (br_if $next
        (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 32))) (local.get $end)))))
)
