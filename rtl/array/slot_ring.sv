// One word for each of Lat tiles that take turns: at every enabled clock the next tile's word is at the head.
//
// Contract: q_o is the word of the tile whose turn it is; where write_i it becomes d_i, to be seen at its next turn.
// Cycles: a word comes round every Lat enabled clocks.
module slot_ring
  import attention_pkg::*;
#(
    parameter int unsigned Width = 32
) (
    input  logic             clk_i,
    input  logic             en_i,
    input  logic             write_i,
    input  logic [Width-1:0] d_i,
    output logic [Width-1:0] q_o
);
  logic [Width-1:0] ring_q[Lat];

  assign q_o = ring_q[Lat-1];

  always_ff @(posedge clk_i) begin
    if (en_i) begin
      ring_q[0] <= write_i ? d_i : q_o;
      for (int unsigned i = 1; i < Lat; i++) ring_q[i] <= ring_q[i-1];
    end
  end
endmodule
