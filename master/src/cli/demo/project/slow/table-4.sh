. src/table.sh
table 4
