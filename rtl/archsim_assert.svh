// Assertions written once: checked by the simulator, proved by yosys, left out of synthesis.
//
// `ARCHSIM_ARMED declares `armed`: true outside reset, once there has been a reset. Until then registers hold
// anything, and an assertion would speak of nothing. Every module with assertions has it once.
//
// All of them use clk_i and rst_ni of the module. Expr is sampled at the rising edge of the clock.
`ifndef ARCHSIM_ASSERT_SVH
`define ARCHSIM_ASSERT_SVH

`ifdef SYNTHESIS
`define ARCHSIM_ARMED
`define ARCHSIM_ASSERT(Name, Expr)
`define ARCHSIM_ASSUME(Name, Expr)
`define ARCHSIM_COVER(Name, Expr)
`else
`define ARCHSIM_ARMED \
  logic reset_seen_q; \
  initial reset_seen_q = 1'b0; \
  always @(posedge clk_i) if (!rst_ni) reset_seen_q <= 1'b1; \
  wire armed = reset_seen_q & rst_ni;

`define ARCHSIM_ASSERT(Name, Expr) \
  always_ff @(posedge clk_i) if (armed) Name : assert (Expr);

// A promise of the environment: checked in simulation, taken for granted in a proof.
`ifdef FORMAL
`define ARCHSIM_ASSUME(Name, Expr) \
  always_ff @(posedge clk_i) if (armed) Name : assume (Expr);
`else
`define ARCHSIM_ASSUME(Name, Expr) `ARCHSIM_ASSERT(Name, Expr)
`endif

`define ARCHSIM_COVER(Name, Expr) \
  always_ff @(posedge clk_i) if (armed) Name : cover (Expr);
`endif

`endif
