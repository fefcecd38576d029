;; A step of Adam on four chunks of 65,536 bytes, one behind the other: parameter, gradient, first and second moment. Four floats
;; at a time, with the results of `plainAdamStep`. The chunks begin at byte 2048 (see vector-module.ts).
(module
  (memory (export "memory") 5)
  (func (export "run")
    (param $end i32) ;; bytes of each chunk to go through, more than 0
    (param $beta1 f32) (param $beta2 f32) (param $rate f32) (param $epsilon f32) (param $decay f32)
    (local $at i32)
    (local $beta1s v128) (local $beta2s v128) (local $rates v128) (local $epsilons v128) (local $decays v128)
    (local $g v128) (local $m v128) (local $v v128)
    (local.set $beta1s (f32x4.splat (local.get $beta1)))
    (local.set $beta2s (f32x4.splat (local.get $beta2)))
    (local.set $rates (f32x4.splat (local.get $rate)))
    (local.set $epsilons (f32x4.splat (local.get $epsilon)))
    (local.set $decays (f32x4.splat (local.get $decay)))
    (loop $next
      (local.set $g (v128.load offset=67584 (local.get $at)))
      ;; m = m beta1 + g
      (v128.store offset=133120 (local.get $at)
        (local.tee $m
          (f32x4.add (f32x4.mul (v128.load offset=133120 (local.get $at)) (local.get $beta1s)) (local.get $g))))
      ;; v = v beta2 + g g
      (v128.store offset=198656 (local.get $at)
        (local.tee $v
          (f32x4.add
            (f32x4.mul (v128.load offset=198656 (local.get $at)) (local.get $beta2s))
            (f32x4.mul (local.get $g) (local.get $g)))))
      ;; p = p decay - m rate / (sqrt v + epsilon)
      (v128.store offset=2048 (local.get $at)
        (f32x4.sub
          (f32x4.mul (v128.load offset=2048 (local.get $at)) (local.get $decays))
          (f32x4.div
            (f32x4.mul (local.get $m) (local.get $rates))
            (f32x4.add (f32x4.sqrt (local.get $v)) (local.get $epsilons)))))
      (br_if $next
        (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 16))) (local.get $end)))))
)
