// Constants of the exponentials. Written by python -m rtl.bench.models_exp from einsum_cascade.numerics; a
// test compares. Do not edit.
package exp_pkg;

  localparam logic [31:0] Log2E = 32'h3fb8aa3b;
  localparam logic [31:0] Magic = 32'h4b400000;  // 1.5 * 2^23
  // As operands of a bfloat16 multiplier.
  localparam logic [15:0] Log2E16 = 16'h3fb9;
  localparam logic [15:0] MinusLn2High = 16'hbf31;
  localparam logic [15:0] MinusLn2Low = 16'hbae4;

  // Coefficient k of the polynomial of a degree for 2^f over |f| <= 1/2.
  function automatic logic [31:0] exp2_coefficient(int unsigned degree, int unsigned k);
    case (8 * degree + k)
      24: return 32'h3f800000;
      25: return 32'h3f317afd;
      26: return 32'h3e780626;
      27: return 32'h3d61510c;
      32: return 32'h3f800000;
      33: return 32'h3f317096;
      34: return 32'h3e7601bc;
      35: return 32'h3d64fe23;
      36: return 32'h3c1d0166;
      40: return 32'h3f800000;
      41: return 32'h3f317215;
      42: return 32'h3e75fcde;
      43: return 32'h3d635ba9;
      44: return 32'h3c1e7544;
      45: return 32'h3aaddd0a;
      48: return 32'h3f800000;
      49: return 32'h3f317218;
      50: return 32'h3e75fdee;
      51: return 32'h3d635774;
      52: return 32'h3c1d96a6;
      53: return 32'h3aaf9f29;
      54: return 32'h3920fdde;
      56: return 32'h3f800000;
      57: return 32'h3f317218;
      58: return 32'h3e75fdf0;
      59: return 32'h3d635845;
      60: return 32'h3c1d94fa;
      61: return 32'h3aaec543;
      62: return 32'h39222e42;
      63: return 32'h377ef2ff;
      default: return '0;  // coverage off: no such polynomial
    endcase
  endfunction

  // Coefficient k of the polynomial of a degree for exp(r) over |r| <= ln(2)/2, the highest a bfloat16.
  function automatic logic [31:0] exp_coefficient(int unsigned degree, int unsigned k);
    case (8 * degree + k)
      24: return 32'h3f800000;
      25: return 32'h3f80066b;
      26: return 32'h3f010eb0;
      27: return 32'h3e290000;
      32: return 32'h3f800000;
      33: return 32'h3f7ffdd3;
      34: return 32'h3f0001fa;
      35: return 32'h3e2be75b;
      36: return 32'h3d2a0000;
      40: return 32'h3f800000;
      41: return 32'h3f7ffffc;
      42: return 32'h3efffee3;
      43: return 32'h3e2aad35;
      44: return 32'h3d2b9d2a;
      45: return 32'h3c080000;
      48: return 32'h3f800000;
      49: return 32'h3f800000;
      50: return 32'h3efffffe;
      51: return 32'h3e2aaa0c;
      52: return 32'h3d2aac11;
      53: return 32'h3c0933c0;
      54: return 32'h3ab50000;
      56: return 32'h3f800000;
      57: return 32'h3f800000;
      58: return 32'h3f000000;
      59: return 32'h3e2aaaa9;
      60: return 32'h3d2aaa41;
      61: return 32'h3c088985;
      62: return 32'h3ab6caab;
      63: return 32'h394f0000;
      default: return '0;  // coverage off: no such polynomial
    endcase
  endfunction

endpackage
