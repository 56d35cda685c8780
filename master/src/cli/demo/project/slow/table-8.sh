. src/table.sh
table 8
