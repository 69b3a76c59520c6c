// skew_line and control_line side by side: any word comes out after Depth enabled clocks, unchanged; after a reset the
// control line gives zero until then.
`include "archsim_assert.svh"

module skew_line_props
  import archsim_pkg::*;
#(
    parameter  int unsigned Width    = 4,
    parameter  int unsigned Depth    = 5,
    localparam int unsigned WidthAge = count_width(Depth)
) (
    input logic             clk_i,
    input logic             rst_ni,
    input logic             en_i,
    input logic [Width-1:0] d_i,
    input logic             mark_i
);
  logic [Width-1:0] skewed, control, word_q;
  logic marked_q;
  logic [WidthAge-1:0] age_q, since_q;  // enabled clocks since the marked word, and since the reset

  skew_line #(
      .Width(Width),
      .Depth(Depth)
  ) u_skew (
      .clk_i,
      .en_i,
      .d_i,
      .q_o(skewed)
  );
  control_line #(
      .Width(Width),
      .Depth(Depth)
  ) u_control (
      .clk_i,
      .rst_ni,
      .en_i,
      .d_i,
      .q_o(control)
  );

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      marked_q <= 1'b0;
      age_q    <= '0;
      since_q  <= '0;
    end else if (en_i) begin
      if (32'(since_q) < Depth) since_q <= since_q + 1'b1;
      if (!marked_q || 32'(age_q) == Depth) begin
        marked_q <= mark_i;
        age_q    <= WidthAge'(1);
      end else begin
        age_q <= age_q + 1'b1;
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (en_i && (!marked_q || 32'(age_q) == Depth)) word_q <= d_i;
  end

  `ARCHSIM_ARMED
  `ARCHSIM_ASSERT(ComesOut,
                  !marked_q || 32'(age_q) != Depth || (skewed == word_q && control == word_q))
  `ARCHSIM_ASSERT(EmptyAfterReset, 32'(since_q) == Depth || control == '0)
  // For induction: where the marked word stands, and where there is none yet.
  `ARCHSIM_ASSERT(AgeInRange, !marked_q || (age_q != '0 && 32'(age_q) <= Depth && age_q <= since_q))
  `ARCHSIM_ASSERT(SinceInRange, 32'(since_q) <= Depth)
  for (genvar i = 0; i < Depth; i++) begin : gen_place
    `ARCHSIM_ASSERT(Stands,
                    !marked_q || 32'(age_q) != unsigned'(i) + 1 ||
                    (u_skew.gen_line.line_q[i] == word_q && u_control.gen_line.line_q[i] == word_q))
    `ARCHSIM_ASSERT(NoneYet, 32'(since_q) > unsigned'(i) || u_control.gen_line.line_q[i] == '0)
  end
endmodule
