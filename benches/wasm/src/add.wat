;; Adds the arguments `a` and `b`, as a compiled guest does it: it looks for them in the document, and writes `{"sum":…}`.
(module
    (memory (export "memory") 2)
    (global $next (mut i32) (i32.const 8192))
    (data (i32.const 1024) "{\"sum\":")

    (func (export "cabi_realloc") (param $old i32) (param $had i32) (param $align i32) (param $size i32) (result i32)
        (local $at i32)
        (local.set $at (global.get $next))
        (global.set $next (i32.add (local.get $at) (local.get $size)))
        (if (i32.gt_u (global.get $next) (i32.const 131072)) (then unreachable))
        (local.get $at))

    (func (export "cabi_post_call") (param i32) (global.set $next (i32.const 8192)))

    ;; The number behind four bytes such as `"a":`.
    (func $number (param $at i32) (param $length i32) (param $name i32) (result i32)
        (local $end i32) (local $number i32) (local $digit i32)
        (local.set $end (i32.add (local.get $at) (i32.sub (local.get $length) (i32.const 5))))
        (block $found (loop $look
            (br_if $found (i32.eq (i32.load align=1 (local.get $at)) (local.get $name)))
            (local.set $at (i32.add (local.get $at) (i32.const 1)))
            (br_if $look (i32.lt_u (local.get $at) (local.get $end))))
            unreachable)
        (local.set $at (i32.add (local.get $at) (i32.const 4)))
        (block $done (loop $more
            (local.set $digit (i32.sub (i32.load8_u (local.get $at)) (i32.const 48)))
            (br_if $done (i32.gt_u (local.get $digit) (i32.const 9)))
            (local.set $number (i32.add (i32.mul (local.get $number) (i32.const 10)) (local.get $digit)))
            (local.set $at (i32.add (local.get $at) (i32.const 1)))
            (br $more)))
        (local.get $number))

    (func (export "call") (param $at i32) (param $length i32) (result i32)
        (local $sum i32) (local $left i32) (local $digits i32)
        (local.set $sum (i32.add
            (call $number (local.get $at) (local.get $length) (i32.const 0x3a226122))
            (call $number (local.get $at) (local.get $length) (i32.const 0x3a226222))))
        (local.set $left (local.get $sum))
        (loop $count
            (local.set $digits (i32.add (local.get $digits) (i32.const 1)))
            (br_if $count (local.tee $left (i32.div_u (local.get $left) (i32.const 10)))))
        (local.set $left (local.get $digits))
        (loop $write
            (local.set $left (i32.sub (local.get $left) (i32.const 1)))
            (i32.store8 offset=1031 (local.get $left)
                (i32.add (i32.const 48) (i32.rem_u (local.get $sum) (i32.const 10))))
            (local.set $sum (i32.div_u (local.get $sum) (i32.const 10)))
            (br_if $write (local.get $left)))
        (i32.store8 offset=1031 (local.get $digits) (i32.const 125))
        (i32.store (i32.const 16) (i32.const 0))
        (i32.store (i32.const 20) (i32.const 1024))
        (i32.store (i32.const 24) (i32.add (local.get $digits) (i32.const 8)))
        (i32.const 16)))
