//! The configuration language: master.star evaluated, frozen and lowered to plain data.
