. src/table.sh
table 2
