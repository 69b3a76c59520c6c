// What the kernels share: functions on sizes, and names of choices.
package archsim_pkg;

  // How a top-k engine finds the k-th largest score.
  typedef enum logic {
    TopkQuickSelect = 1'b0,
    TopkRadixSelect = 1'b1
  } topk_mode_e;

  // Bits that number 0..count-1; at least one, so that a vector of that width exists.
  function automatic int unsigned index_width(int unsigned count);
    return (count > 1) ? unsigned'($clog2(count)) : 1;
  endfunction

  // Bits that hold the values 0..maximum.
  function automatic int unsigned count_width(int unsigned maximum);
    return unsigned'($clog2(maximum + 1));
  endfunction

endpackage
