// Delays control by Depth enabled clocks; empty (all zero) after reset. A depth of 0 is a wire.
//
// Contract: q_o is what d_i was Depth enabled clocks ago, or zero if that was before the reset.
// Cycles: Depth.
module control_line #(
    parameter int unsigned Width = 8,
    parameter int unsigned Depth = 1
) (
    input  logic             clk_i,
    input  logic             rst_ni,
    input  logic             en_i,
    input  logic [Width-1:0] d_i,
    output logic [Width-1:0] q_o
);
  if (Depth == 0) begin : gen_wire
    logic unused;
    assign unused = clk_i ^ rst_ni ^ en_i;
    assign q_o = d_i;
  end else begin : gen_line
    logic [Depth-1:0][Width-1:0] line_q;
    always_ff @(posedge clk_i or negedge rst_ni) begin
      if (!rst_ni) line_q <= '0;
      else if (en_i) line_q <= (Depth * Width)'({line_q, d_i});
    end
    assign q_o = line_q[Depth-1];
  end
endmodule
