. src/table.sh
table 3
