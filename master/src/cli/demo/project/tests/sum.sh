. src/sum.sh
sum
sum 1 2 3
sum -1 1
