"""Rows, columns and widths of tables: plain values, no Textual."""
