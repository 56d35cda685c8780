. src/table.sh
table 7
