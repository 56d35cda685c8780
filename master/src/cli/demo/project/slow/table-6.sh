. src/table.sh
table 6
