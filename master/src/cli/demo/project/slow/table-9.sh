. src/table.sh
table 9
