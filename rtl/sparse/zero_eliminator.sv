// Moves the lanes that are kept down to lanes 0, 1, ... in their order (SpAtten, HPCA'21, section IV-B).
//
// Contract: count_o lanes are kept; data_o holds them in lanes 0..count_o-1 in the order of data_i, zero above.
// A kept lane moves down by the number of dropped lanes below it: layer j moves it by 2^j if bit j of that number is
// set. From the lowest bit up, two kept lanes never meet.
// Cycles: combinational.
module zero_eliminator
  import archsim_pkg::*;
#(
    parameter int unsigned Lanes = 16,
    parameter int unsigned Width = 12,
    localparam int unsigned CountWidth = count_width(Lanes)
) (
    input  logic [     Lanes-1:0]            keep_i,
    input  logic [     Lanes-1:0][Width-1:0] data_i,
    output logic [     Lanes-1:0][Width-1:0] data_o,
    output logic [CountWidth-1:0]            count_o
);
  logic [Lanes-1:0][CountWidth-1:0] dropped;
  logic [CountWidth-1:0] dropped_total;
  logic [Lanes-1:0][CountWidth-1:0] way;

  prefix_count #(
      .Lanes(Lanes)
  ) u_dropped (
      .flag_i (~keep_i),
      .below_o(dropped),
      .total_o(dropped_total)
  );
  assign count_o = CountWidth'(Lanes) - dropped_total;

  always_comb begin
    for (int unsigned i = 0; i < Lanes; i++) begin
      data_o[i] = keep_i[i] ? data_i[i] : '0;
      way[i]    = keep_i[i] ? dropped[i] : '0;
    end
    for (int unsigned j = 0; (1 << j) < Lanes; j++) begin
      for (int unsigned i = 0; i + (1 << j) < Lanes; i++) begin
        if (way[i+(1<<j)][j]) begin
          data_o[i] = data_o[i+(1<<j)];
          way[i] = way[i+(1<<j)];
          data_o[i+(1<<j)] = '0;
          way[i+(1<<j)] = '0;
        end
      end
    end
  end
endmodule
