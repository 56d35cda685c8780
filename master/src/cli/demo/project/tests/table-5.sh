. src/table.sh
table 5
